import { messageOf, NexusError } from "../model/errors.js";

/**
 * What a log has of an error that ends the program: the message alone when it says all that there is
 * to do about it, and everything, with the stack, when the program or its disk is at fault.
 */
export function failureFields(error: unknown): { reason: string } | { err: unknown } {
  const isAtFault =
    !(error instanceof NexusError) || ["internal", "io-failure", "corrupt"].includes(error.kind);
  return isAtFault ? { err: error } : { reason: messageOf(error) };
}
