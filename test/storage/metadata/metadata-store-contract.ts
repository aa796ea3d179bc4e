import { describe, onTestFinished } from "vitest";
import type { MetadataStore } from "../../../src/storage/metadata/metadata-store.js";
import { testDir } from "../../support/temp-dir.js";
import { activityContract } from "./contract/activity.js";
import { attributesContract } from "./contract/attributes.js";
import { changesContract } from "./contract/changes.js";
import { contentsContract } from "./contract/contents.js";
import { createContract } from "./contract/create.js";
import { exchangeContract } from "./contract/exchange.js";
import { importContract } from "./contract/import.js";
import { linkContract } from "./contract/link.js";
import { listingContract } from "./contract/listing.js";
import { orphansContract } from "./contract/orphans.js";
import { placeContract } from "./contract/place.js";
import { referencesContract } from "./contract/references.js";
import { removeContract } from "./contract/remove.js";
import { renameContract } from "./contract/rename.js";
import { renameDirectoryContract } from "./contract/rename-directory.js";
import { reopenContract } from "./contract/reopen.js";
import { setattrContract } from "./contract/setattr.js";
import { workContract } from "./contract/work.js";
import { workDependenciesContract } from "./contract/work-dependencies.js";
import { Namespace } from "./fixture.js";

/** Opens, or makes, the store that is kept at a place: a directory of the test's own. */
export type OpenStore = (place: string) => MetadataStore;

/** A new, empty namespace. */
export type OpenNamespace = () => Namespace;

/**
 * What every {@link MetadataStore} must do. An engine's own test calls it:
 *
 * @example
 * metadataStoreContract("SQLite", (place) => openMetadataStore(place));
 */
export function metadataStoreContract(name: string, open: OpenStore): void {
  const openNamespace = () => {
    const store = open(testDir());
    onTestFinished(() => store.close());
    return new Namespace(store);
  };
  describe(`metadata store: ${name}`, () => {
    createContract(openNamespace);
    linkContract(openNamespace);
    removeContract(openNamespace);
    renameContract(openNamespace);
    renameDirectoryContract(openNamespace);
    exchangeContract(openNamespace);
    listingContract(openNamespace);
    setattrContract(openNamespace);
    activityContract(openNamespace);
    attributesContract(openNamespace);
    contentsContract(openNamespace);
    referencesContract(openNamespace);
    placeContract(openNamespace);
    importContract(openNamespace);
    orphansContract(openNamespace);
    workContract(openNamespace);
    workDependenciesContract(openNamespace);
    changesContract(openNamespace);
    reopenContract(open);
  });
}
