import type { Change } from "../../vfs/changes.js";
import { invalidateEntry, invalidateInode, storeByte } from "../protocol/notification.js";

/**
 * What a kernel is told to forget by a change, in order.
 *
 * Of a directory, its listing goes by the entry's notification only if the kernel has that entry, so its
 * pages go, too; and in this order, because the first one waits for whoever is listing it just now.
 */
export function notificationsOf(change: Change): Buffer[] {
  switch (change.kind) {
    case "entry": {
      const { parent, name } = change;
      const bytes = { offset: 0, length: "to the end" as const };
      return [invalidateEntry({ parent, name }), invalidateInode({ ino: parent, bytes })];
    }
    case "attributes":
    case "access":
      return [invalidateInode({ ino: change.ino })];
    case "content": {
      const { ino, offset, length, sizeBytes, lastByte } = change;
      const bytes = length === 0 ? undefined : { offset, length };
      const forget = invalidateInode({ ino, bytes });
      if (lastByte === undefined || sizeBytes === 0) return [forget];
      // Who appends goes by the size that the kernel has, and that doesn't ask for it before.
      return [forget, storeByte({ ino, offset: sizeBytes - 1, byte: lastByte })];
    }
  }
}
