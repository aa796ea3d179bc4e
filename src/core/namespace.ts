/** What a namespace demands of whoever enters it. */
export interface Namespace {
  /** The first component of its paths: `shared` owns `/shared` and all below. */
  readonly name: string;
  readonly readonly: boolean;
  readonly adminOnly: boolean;
  /** The second component is a tenant, and other tenants stay out. */
  readonly requiresTenant: boolean;
  /** The third component is an agent, and other agents stay out. Only `workspace` has this. */
  readonly requiresAgent: boolean;
}

/** A namespace as a configuration declares it. */
export type NamespaceDeclaration = Omit<Namespace, "requiresAgent">;

/** The one namespace whose paths name an agent, also where a configuration redefines it. */
const WORKSPACE = "workspace";

export const DEFAULT_NAMESPACES: readonly NamespaceDeclaration[] = [
  { name: WORKSPACE, readonly: false, adminOnly: false, requiresTenant: true },
  { name: "shared", readonly: false, adminOnly: false, requiresTenant: true },
  { name: "external", readonly: false, adminOnly: false, requiresTenant: false },
  { name: "system", readonly: true, adminOnly: true, requiresTenant: false },
  { name: "archives", readonly: true, adminOnly: false, requiresTenant: true },
];

/** The defaults with `declared` added; a declared one of the same name takes the default's place. */
export function namespaceTable(
  declared: readonly NamespaceDeclaration[],
): ReadonlyMap<string, Namespace> {
  const table = new Map<string, Namespace>();
  for (const declaration of [...DEFAULT_NAMESPACES, ...declared]) {
    const requiresAgent = declaration.name === WORKSPACE && declaration.requiresTenant;
    table.set(declaration.name, { ...declaration, requiresAgent });
  }
  return table;
}
