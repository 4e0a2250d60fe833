import path from 'node:path'

/** Returns the path of a module beside the given one: TypeScript in the repository, JavaScript after a build. */
export function sibling(meta: ImportMeta, name: string): string {
  return path.join(meta.dirname, name + path.extname(meta.filename))
}
