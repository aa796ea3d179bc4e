import type { Identity } from "../model/identity.js";
import { type Access, changeRefusal, refusal } from "./isolation.js";
import type { Router } from "./router.js";

interface Answer {
  readonly zones: readonly string[];
  readonly visible: readonly string[] | "all";
}

/**
 * Which zones, given by paths that lie in them, an identity may enter. It is asked before every look at
 * the work queue, and the zones are nearly always those of the last time: a thousand of them take a
 * while, so an answer is kept for as long as identity and zones are the same objects.
 */
export class VisibleZones {
  readonly #router: Router;
  readonly #answers: Readonly<Record<Access, WeakMap<Identity, Answer>>> = {
    read: new WeakMap(),
    write: new WeakMap(),
  };

  constructor({ router }: { router: Router }) {
    this.#router = router;
  }

  /** In the order given; `all` when the identity may enter every one. */
  of(
    identity: Identity,
    { zones, access }: { zones: readonly string[]; access: Access },
  ): readonly string[] | "all" {
    const answers = this.#answers[access];
    const known = answers.get(identity);
    if (known?.zones === zones) return known.visible;
    const visible = zones.filter((path) => this.isVisiblePath(identity, { path, access }));
    const answer = { zones, visible: visible.length === zones.length ? ("all" as const) : visible };
    answers.set(identity, answer);
    return answer.visible;
  }

  /** Whether an identity may read, or change, what lies at a path, there or not. */
  isVisiblePath(identity: Identity, { path, access }: { path: string; access: Access }): boolean {
    const place = this.#router.resolve(path);
    const refused =
      access === "write"
        ? changeRefusal(identity, place)
        : refusal(identity, { place, access: "read" });
    return refused === undefined;
  }
}
