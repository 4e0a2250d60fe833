import path from 'node:path'

/** The file of a program beside a module: TypeScript where the module runs as it is, JavaScript where it was built. */
export function sibling(meta: ImportMeta, name: string): string {
  return path.join(meta.dirname, name + path.extname(meta.filename))
}
