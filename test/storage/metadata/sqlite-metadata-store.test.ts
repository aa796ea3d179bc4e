import { FakeClock } from "../../support/fake-clock.js";
import { openMetadataStore } from "../../support/stores.js";
import { metadataStoreContract } from "./metadata-store-contract.js";

metadataStoreContract("SQLite", (place) => {
  const clock = new FakeClock();
  return openMetadataStore(place, { clock, scheduler: clock });
});
