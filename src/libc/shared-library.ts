import koffi from "koffi";

/**
 * Loads a shared library so that others find it by its name, as dlopen(3) does with RTLD_GLOBAL: what is linked
 * against it can be loaded although no directory that the linker searches has it. Errors: koffi's own.
 */
export function loadSharedLibrary(path: string): void {
  koffi.load(path, { global: true });
}
