/* Where the jobs of a run stand in its picture: layers by what they need, from left to right; within a layer, in the
 * order that crosses fewest lines (each job near the middle of those that it needs). Pure. */

export interface GraphNode {
    id: number;
    needs: number[];
}

export interface Placed {
    id: number;
    layer: number;
    row: number;
}

export interface Layout {
    nodes: Map<number, Placed>; /* below 0: bends, where lines pass a layer */
    edges: [number, number][]; /* from layer to layer */
    layers: number;
    rows: number;
}

/* Needs that lead in a circle, or to jobs that are not there, are left out: a picture is no check. */
function layersOf(nodes: GraphNode[]): Map<number, number> {
    const byId = new Map(nodes.map((n) => [n.id, n]));
    const layer = new Map<number, number>();
    const under = new Set<number>();
    const visit = (n: GraphNode): number => {
        const known = layer.get(n.id);
        if (known !== undefined) return known;
        under.add(n.id);
        let at = 0;
        for (const id of n.needs) {
            const need = byId.get(id);
            if (need && !under.has(id)) at = Math.max(at, visit(need) + 1);
        }
        under.delete(n.id);
        layer.set(n.id, at);
        return at;
    };
    for (const n of nodes) visit(n);
    return layer;
}

/* Edges that another path tells already are not drawn. */
function reduced(nodes: GraphNode[], layer: Map<number, number>): [number, number][] {
    const above = new Map<number, Set<number>>();
    const edges: [number, number][] = [];
    const inOrder = [...nodes].sort((a, b) => layer.get(a.id)! - layer.get(b.id)!);
    for (const n of inOrder) {
        const direct = [...new Set(n.needs)].filter((id) => layer.has(id) && layer.get(id)! < layer.get(n.id)!);
        const all = new Set<number>();
        for (const id of direct) {
            for (const far of above.get(id) ?? []) all.add(far);
        }
        for (const id of direct) {
            if (!all.has(id)) edges.push([id, n.id]);
        }
        for (const id of direct) all.add(id);
        above.set(n.id, all);
    }
    return edges;
}

/* Lines that pass layers bend there, so that they do not run behind jobs. Those to the same job share their bends. */
function bent(edges: [number, number][], layer: Map<number, number>): [number, number][] {
    const bends = new Map<string, number>(), all = new Map<string, [number, number]>();
    for (const [from, to] of edges) {
        let at = from;
        for (let l = layer.get(from)! + 1; l < layer.get(to)!; l++) {
            const key = `${to} ${l}`;
            let bend = bends.get(key);
            if (bend === undefined) {
                bend = -1 - bends.size;
                bends.set(key, bend);
                layer.set(bend, l);
            }
            all.set(`${at} ${bend}`, [at, bend]);
            at = bend;
        }
        all.set(`${at} ${to}`, [at, to]);
    }
    return [...all.values()];
}

export function layoutGraph(nodes: GraphNode[]): Layout {
    const layer = layersOf(nodes);
    const edges = bent(reduced(nodes, layer), layer);
    const columns: number[][] = [];
    for (const [id, at] of layer) (columns[at] ??= []).push(id);
    const placed = new Map<number, Placed>();
    let rows = 0;
    columns.forEach((ids, at) => {
        const middle = new Map<number, number>();
        ids.forEach((id, i) => {
            const from = edges.filter(([, to]) => to === id).map(([need]) => placed.get(need)!.row);
            middle.set(id, from.length ? from.reduce((a, b) => a + b, 0) / from.length : i);
        });
        const order = ids.map((id, i) => ({ id, i })).sort((a, b) => middle.get(a.id)! - middle.get(b.id)! || a.i - b.i);
        order.forEach(({ id }, row) => placed.set(id, { id, layer: at, row }));
        rows = Math.max(rows, ids.length);
    });
    return { nodes: placed, edges, layers: columns.length, rows };
}
