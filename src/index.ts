export type { Config, Setting, Settings } from "./config/config.js";
export { type LoadOptions, loadConfig } from "./config/load.js";
export type { NamespaceDeclaration } from "./core/namespace.js";
export { ERROR_KINDS, type ErrorKind, NexusError } from "./model/errors.js";
export type { Identity } from "./model/identity.js";
