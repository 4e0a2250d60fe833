import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * Replaces `import.meta.dirname` and `import.meta.filename` in the source files of `services/` with the paths that
 * `tsc` would give the compiled file. In a bundle, `import.meta` belongs to the chunk, and esbuild decides which chunk
 * a source file becomes part of. `import.meta.url` stays that of the chunk, because Node looks for a package.json above
 * it.
 */
export function rewriteImportMeta(services: string, outdir: string): Plugin {
  return {
    name: 'rewrite-import-meta',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
        const source = await readFile(file, 'utf8')
        const inside = path.relative(services, file)
        if (inside.startsWith('..') || !source.includes('import.meta.')) return undefined
        const place = path.join(outdir, inside.replace(/\.ts$/, '.js'))
        const contents = source
          .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(place)))
          .replaceAll('import.meta.filename', JSON.stringify(place))
        return { contents, loader: 'ts' }
      })
    },
  }
}
