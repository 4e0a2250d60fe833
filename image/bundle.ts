import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build } from 'esbuild'
import { builtins } from './builtins.ts'
import { entriesOf } from './entries.ts'
import { UNBUNDLED } from './packages.ts'
import { rewriteImportMeta } from './rewrite-import-meta.ts'
import { SEPARATE_BUNDLE, separateBundle } from './separate-bundle.ts'

/** Behind an entry's own name is only what begins it; the entry itself is beside it, under this. */
const MAIN = '.main'

/** Asked whether it lives as soon as it is started, and shares nothing with what transforms import. */
const API = 'api/server'

/** What CommonJS in a bundle expects to find, in every file of it. */
const COMMONJS = `import { createRequire as __createRequire } from 'node:module'
const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname`

/**
 * Bundles every role and what others import, the code that they share in files that they share: a class is one class to all. The api
 * is bundled for itself: code that several share is cut into as many files as there are ways of sharing it, and Node takes a
 * millisecond of a start for each.
 *
 * @param outdir `dist/services`, absolute, and where it will lie when it runs
 */
export async function bundle(root: string, outdir: string): Promise<void> {
  const services = path.join(root, 'services')
  const { programs, handlers, processes, libraries } = entriesOf(services)
  const entry = (name: string, suffix = MAIN) => ({ in: path.join(services, `${name}.ts`), out: `${name}${suffix}` })
  const groups = [
    [entry(API)],
    [entry(SEPARATE_BUNDLE, '')],
    [
      ...[...programs.filter(name => name !== API), ...handlers].map(name => entry(name)),
      ...[...processes, ...libraries].map(name => entry(name, '')),
      ...['compile-cache', 'lambda-start'].map(name => ({ in: path.join(root, `image/${name}.ts`), out: name })),
    ],
  ]
  await Promise.all(
    groups.map(entryPoints =>
      build({
        absWorkingDir: root,
        entryPoints,
        outdir,
        bundle: true,
        splitting: true,
        format: 'esm',
        platform: 'node',
        target: 'node24',
        // The ESM of packages that have both: less of it, since what is not used can be told.
        mainFields: ['module', 'main'],
        // Errors tell their class by its name.
        keepNames: true,
        external: [...UNBUNDLED],
        banner: { js: COMMONJS },
        plugins: [builtins, separateBundle(outdir), rewriteImportMeta(services, outdir)],
        logLevel: 'warning',
      }),
    ),
  )
  // Imported dynamically, since what is imported statically is compiled before anything runs.
  const begin = (name: string) =>
    `import { useCompileCache } from '../compile-cache.js'\nuseCompileCache()\n${main(name)}`
  const main = (name: string) => {
    const imported = `await import('./${path.basename(name)}${MAIN}.js')`
    return handlers.includes(name) ? `export const { handler } = ${imported}\n` : `${imported}\n`
  }
  await Promise.all([...programs, ...handlers].map(name => writeFile(path.join(outdir, `${name}.js`), begin(name))))
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..')
  await bundle(root, path.join(root, 'dist/services'))
}
