export type { Config, Setting, Settings } from "./config/config.js";
export { type LoadOptions, loadConfig } from "./config/load.js";
export type { NamespaceDeclaration } from "./core/namespace.js";
export type {
  AppendOptions,
  CopyOptions,
  FileStat,
  Files,
  FileType,
  ListedFile,
  ListOptions,
  ListPage,
  MkdirOptions,
  ReadOptions,
  RmdirOptions,
  StatOptions,
  WriteContent,
  WriteOptions,
} from "./features/files/files.js";
export type {
  CustomMetadata,
  MetadataEntry,
  MetadataValue,
} from "./features/metadata/custom-metadata.js";
export type {
  ClaimOptions,
  FailOptions,
  SubmitOptions,
  WorkCountsByStatus,
  WorkDependency,
  WorkerOptions,
  WorkItem,
  WorkListOptions,
  WorkQueue,
} from "./features/queue/queue.js";
export type {
  DuplicateOptions,
  DuplicateReport,
  GlobOptions,
  GrepMatch,
  GrepOptions,
  Search,
  SearchProgress,
} from "./features/search/search.js";
export type {
  Collision,
  ConflictMode,
  ExportedFile,
  ExportOptions,
  ExportResult,
  ImportOptions,
  ImportResult,
  Transfer,
  TransferProgress,
} from "./features/transfer/transfer.js";
export {
  WATCH_EVENT_KINDS,
  type WatchEvent,
  type WatchEventKind,
  type Watching,
  type WatchOptions,
} from "./features/watch/watch.js";
export { ERROR_KINDS, type ErrorKind, NexusError } from "./model/errors.js";
export type { Identity } from "./model/identity.js";
export type { AgentId, ContentHash, Ino, PathId, TenantId } from "./model/ids.js";
export type { Timestamp } from "./model/timestamp.js";
export { WORK_STATUSES, type WorkStatus } from "./model/work.js";
export type { NexusClient } from "./sdk/client.js";
export { connect } from "./sdk/connect.js";
export type { ConnectOptions, MountOption, NamespaceOption } from "./sdk/connect-options.js";
export {
  AccessDeniedError,
  BusyError,
  ClosedError,
  CorruptError,
  CrossZoneError,
  DirectoryNotEmptyError,
  FileExistsError,
  FileNotFoundError,
  InterruptedError,
  InUseError,
  InvalidArgumentError,
  InvalidConfigError,
  InvalidPathError,
  IsADirectoryError,
  NoSpaceError,
  NotADirectoryError,
  NotPermittedError,
  PreconditionFailedError,
  ReadOnlyError,
  StaleError,
  TryAgainError,
} from "./sdk/errors.js";
