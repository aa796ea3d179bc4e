import { openContentStore } from "../../support/stores.js";
import { contentStoreContract } from "./content-store-contract.js";

contentStoreContract("local directory", (place) => openContentStore(place));
