import type { CarrierListener, Frame } from "./carrier.js";

/** What a carrier does about its arrivals. */
export interface DeliveryOptions {
  /** The listener is through with one. */
  readonly onTaken?: (frame: Frame) => void;
  /** Whether more should come now. */
  readonly onFlow?: (isFlowing: boolean) => void;
}

/** Hands what arrives on a carrier to its listener: one frame at a time, and at last the end. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #frames: Frame[] = [];
  #listener: CarrierListener | undefined;
  #isBusy = false;
  #end: { readonly reason: string | undefined } | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  listen(listener: CarrierListener): void {
    this.#listener = listener;
    this.#go();
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
    this.#go();
  }

  /** Nothing more comes. What has come is handed over before. */
  end(reason: string | undefined): void {
    this.#end ??= { reason };
    this.#go();
  }

  #go(): void {
    while (!this.#isBusy && this.#listener !== undefined) {
      const frame = this.#frames.shift();
      if (frame === undefined) {
        this.#finish(this.#listener);
        return;
      }
      const waiting = this.#listener.onFrame(frame);
      if (waiting === undefined) this.#options.onTaken?.(frame);
      else this.#wait(waiting, frame);
    }
  }

  #wait(waiting: Promise<void>, frame: Frame): void {
    this.#isBusy = true;
    this.#options.onFlow?.(false);
    const goOn = () => {
      this.#isBusy = false;
      this.#options.onTaken?.(frame);
      this.#go();
      if (!this.#isBusy) this.#options.onFlow?.(true);
    };
    waiting.then(goOn, goOn);
  }

  #finish(listener: CarrierListener): void {
    if (this.#end === undefined) return;
    this.#listener = undefined;
    listener.onClose(this.#end.reason);
  }
}
