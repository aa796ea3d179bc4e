import type { Carrier } from "./carrier.js";

/**
 * Passes everything on between two carriers, both ways, no faster than it is taken; when one closes the
 * other one is closed. What the frames mean isn't looked at. Resolves when both are closed.
 */
export async function relay(one: Carrier, other: Carrier): Promise<void> {
  await Promise.all([passOn(one, other), passOn(other, one)]);
}

function passOn(from: Carrier, to: Carrier): Promise<void> {
  return new Promise((resolve) => {
    from.listen({
      onFrame: (frame) => {
        to.send(frame);
        return to.isFull ? to.drained() : undefined;
      },
      onClose: (reason) => {
        to.close(reason);
        resolve();
      },
    });
  });
}
