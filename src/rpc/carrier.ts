/** A text frame has one JSON-RPC message, a binary one has bytes of a stream: see README.md. */
export type Frame = string | Uint8Array;

/** What listens on a carrier. */
export interface CarrierListener {
  /**
   * Takes one frame, in the order in which they were sent. While the promise that it gives is pending,
   * no further one comes, and the other side notices: its carrier gets full.
   */
  onFrame(frame: Frame): Promise<void> | undefined;
  /** Called once, with the reason if there is one in words. Nothing comes afterwards. */
  onClose(reason: string | undefined): void;
}

/**
 * Carries frames both ways, each whole and in order. The bytes of a frame belong to the carrier once
 * they are sent.
 */
export interface Carrier {
  /** Never blocks. What is sent when it is closed is lost. */
  send(frame: Frame): void;
  /** So much waits for the other side that who can wait should. */
  readonly isFull: boolean;
  /** Resolves once it isn't full any more, or is closed. */
  drained(): Promise<void>;
  /** Called once; what came before is kept until then. Who takes over from another calls it again. */
  listen(listener: CarrierListener): void;
  /** Ends both directions; the other side is told the reason. */
  close(reason?: string): void;
}
