/** From one number to another: a directory to the one that it is in, an item to one that it waits for. */
export type Edge = readonly [from: number, to: number];

/** Something that the walk has come to. */
interface Visit {
  readonly at: number;
  readonly order: number;
  readonly ahead: Iterator<number>;
  /** The first in the walk that it leads back to, as far as is known. */
  low: number;
  /** Whether it is in no group yet. */
  isOpen: boolean;
}

/**
 * What leads to itself by any way, in groups: those of one lead to each other. The numbers of a group are in
 * order, and so are the groups by their first. Linear in the number of edges, and not recursive, for chains of
 * thousands: the strongly connected components of R. Tarjan, "Depth-first search and linear graph algorithms" (1972).
 */
export function circlesOf(edges: Iterable<Edge>): number[][] {
  const ahead = targets(edges);
  const groups: number[][] = [];
  const visits = new Map<number, Visit>();
  const open: Visit[] = [];
  const way: Visit[] = [];
  const comeTo = (at: number) => {
    const order = visits.size;
    const next = (ahead.get(at) ?? []).values();
    const visit: Visit = { at, order, ahead: next, low: order, isOpen: true };
    visits.set(at, visit);
    open.push(visit);
    way.push(visit);
  };
  const leave = (visit: Visit) => {
    way.pop();
    const before = way.at(-1);
    if (before !== undefined) before.low = Math.min(before.low, visit.low);
    if (visit.low !== visit.order) return;
    const group = open.splice(open.lastIndexOf(visit));
    for (const member of group) member.isOpen = false;
    if (group.length === 1 && !ahead.get(visit.at)?.has(visit.at)) return;
    groups.push(group.map(({ at }) => at).sort((a, b) => a - b));
  };
  for (const start of ahead.keys()) {
    if (!visits.has(start)) comeTo(start);
    for (let visit = way.at(-1); visit !== undefined; visit = way.at(-1)) {
      const { done, value } = visit.ahead.next();
      const seen = done ? undefined : visits.get(value);
      if (done) leave(visit);
      else if (seen === undefined) comeTo(value);
      else if (seen.isOpen) visit.low = Math.min(visit.low, seen.order);
    }
  }
  return groups.sort(([a = 0], [b = 0]) => a - b);
}

/** Numbers without which nothing leads to itself: the first of each group, and of what is left of that. */
export function circleBreakers(edges: readonly Edge[]): number[] {
  const taken = new Set<number>();
  for (let left = edges; ; left = left.filter((edge) => !edge.some((each) => taken.has(each)))) {
    const groups = circlesOf(left);
    if (groups.length === 0) return [...taken].sort((a, b) => a - b);
    for (const [first] of groups) if (first !== undefined) taken.add(first);
  }
}

function targets(edges: Iterable<Edge>): Map<number, Set<number>> {
  const ahead = new Map<number, Set<number>>();
  for (const [from, to] of edges) {
    const known = ahead.get(from);
    if (known === undefined) ahead.set(from, new Set([to]));
    else known.add(to);
  }
  return ahead;
}
