import type { Identity } from "../model/identity.js";
import { type Access, refusal } from "./isolation.js";
import type { Router } from "./router.js";

/**
 * Which of these zones, given by paths that lie in them, an identity may enter; `all` when it may
 * enter every one. The same order as given.
 */
export function visibleZones(
  identity: Identity,
  { router, zones, access }: { router: Router; zones: readonly string[]; access: Access },
): readonly string[] | "all" {
  const visible = zones.filter((path) => isVisiblePath(identity, { router, path, access }));
  return visible.length === zones.length ? "all" : visible;
}

/** Whether an identity may have what lies at a path, there or not. */
export function isVisiblePath(
  identity: Identity,
  { router, path, access }: { router: Router; path: string; access: Access },
): boolean {
  return refusal(identity, { place: router.resolve(path), access }) === undefined;
}
