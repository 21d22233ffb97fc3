// Counters, gauges and histograms in Prometheus' text format.

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

const escape = (value) => String(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
const labelsOf = (labels) => Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`).join(',');
const series = (name, labels) => (labels ? `${name}{${labels}}` : name);

export class Metrics {
  #families = new Map();

  #family(name, type, help) {
    if (!this.#families.has(name)) this.#families.set(name, { type, help, values: new Map() });
    return this.#families.get(name);
  }

  count(name, help, labels = {}, by = 1) {
    const { values } = this.#family(name, 'counter', help);
    const key = labelsOf(labels);
    values.set(key, (values.get(key) ?? 0) + by);
  }

  gauge(name, help, value, labels = {}) {
    this.#family(name, 'gauge', help).values.set(labelsOf(labels), value);
  }

  observe(name, help, seconds, labels = {}) {
    const { values } = this.#family(name, 'histogram', help);
    const key = labelsOf(labels);
    if (!values.has(key)) values.set(key, { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 });
    const histogram = values.get(key);
    BUCKETS.forEach((limit, i) => {
      if (seconds <= limit) histogram.buckets[i] += 1;
    });
    histogram.sum += seconds;
    histogram.count += 1;
  }

  render() {
    const lines = [];
    for (const [name, { type, help, values }] of this.#families) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of values) {
        if (type !== 'histogram') {
          lines.push(`${series(name, labels)} ${value}`);
          continue;
        }
        const prefix = labels ? `${labels},` : '';
        BUCKETS.forEach((limit, i) => lines.push(`${name}_bucket{${prefix}le="${limit}"} ${value.buckets[i]}`));
        lines.push(`${name}_bucket{${prefix}le="+Inf"} ${value.count}`);
        lines.push(`${series(`${name}_sum`, labels)} ${value.sum}`, `${series(`${name}_count`, labels)} ${value.count}`);
      }
    }
    return lines.join('\n') + '\n';
  }
}
