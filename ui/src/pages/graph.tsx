/* The jobs of a run as a picture of what needs what. */
import { layoutGraph } from '../graph';
import { StateShape, Took } from '../parts';
import { lookOf, words } from '../states';
import type { Job, Needs } from '../types';

const WIDTH = 216, HEIGHT = 44, GAP_X = 48, GAP_Y = 12;

export function Graph({ jobs, graph }: { jobs: Job[]; graph: Needs[] }) {
    const layout = layoutGraph(jobs.map((j) => ({ id: j.id, needs: graph.find((g) => g.job === j.id)?.needs ?? [] })));
    const byId = new Map(jobs.map((j) => [j.id, j]));
    const counts = new Map<number, number>();
    for (const p of layout.nodes.values()) counts.set(p.layer, (counts.get(p.layer) ?? 0) + 1);
    const at = (id: number) => {
        const p = layout.nodes.get(id)!;
        /* Layers with fewer jobs stand in the middle. */
        const free = ((layout.rows - counts.get(p.layer)!) * (HEIGHT + GAP_Y)) / 2;
        return { x: p.layer * (WIDTH + GAP_X), y: p.row * (HEIGHT + GAP_Y) + free };
    };
    /* What was waited for has succeeded; of a bend: all that comes in there. */
    const isDone = (id: number): boolean => (id < 0 ? layout.edges.filter(([, to]) => to === id).every(([from]) => isDone(from))
        : byId.get(id)?.result === 'success');
    const width = layout.layers * (WIDTH + GAP_X) - GAP_X, height = layout.rows * (HEIGHT + GAP_Y) - GAP_Y;
    return (
        <div class="graph scroll" tabIndex={0} role="region" aria-label="Graph of jobs">
            <div class="canvas" style={{ width: `${width}px`, height: `${height}px` }}>
                <svg width={width} height={height} aria-hidden="true">
                    {[...layout.nodes.keys()].filter((id) => id < 0).map((id) => {
                        const { x, y } = at(id);
                        return <path class={isDone(id) ? 'edge done' : 'edge'} d={`M${x} ${y + HEIGHT / 2}h${WIDTH}`} />;
                    })}
                    {layout.edges.map(([from, to]) => {
                        const a = at(from), b = at(to), x1 = a.x + WIDTH, y1 = a.y + HEIGHT / 2, y2 = b.y + HEIGHT / 2;
                        return <path class={isDone(from) ? 'edge done' : 'edge'}
                            d={`M${x1} ${y1}C${x1 + GAP_X / 2} ${y1} ${b.x - GAP_X / 2} ${y2} ${b.x} ${y2}`} />;
                    })}
                </svg>
                <ul>
                    {jobs.map((j) => {
                        const p = at(j.id), look = lookOf(j);
                        return (
                            <li style={{ left: `${p.x}px`, top: `${p.y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}>
                                <a href={`/runs/${j.run_id}/jobs/${j.id}`} class={`node ${look}`} title={j.name}>
                                    <StateShape look={look} />
                                    <span class="grow cut-off">{j.name}</span>
                                    <span class="sr">{words[look]}</span>
                                    <span class="muted num"><Took x={j} /></span>
                                </a>
                            </li>
                        );
                    })}
                </ul>
            </div>
        </div>
    );
}
