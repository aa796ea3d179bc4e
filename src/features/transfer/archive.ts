/**
 * An archive is a tar file (ustar, with pax headers where a size needs one): first the lines, then each
 * content once, under its hash. So ordinary tools open it, and `sha256sum` checks it.
 */
export const METADATA = "metadata.jsonl";
export const BLOBS = "blobs/";
