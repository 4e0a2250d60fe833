import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * Keeps what a source file of `services/` says of its own place. In a bundle `import.meta` is of the chunk that the file came
 * to be in, which is for esbuild to decide; here its paths are of where `tsc` would have put the file. Its URL stays that of a
 * file that is there, since Node looks for a package.json above it.
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
