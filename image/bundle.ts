import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build } from 'esbuild'
import { builtins } from './builtins.ts'
import { entriesOf } from './entries.ts'
import { UNBUNDLED } from './packages.ts'
import { rewriteImportMeta } from './rewrite-import-meta.ts'
import { SEPARATE_BUNDLE, separateBundle } from './separate-bundle.ts'

/** The suffix of an entry's bundle. The file with the entry's own name only starts it. */
const MAIN = '.main'

/** The api is probed as soon as it starts, and shares nothing with the modules that transforms import. */
const API = 'api/server'

/** What bundled CommonJS code expects in every file. */
const COMMONJS = `import { createRequire as __createRequire } from 'node:module'
const require = __createRequire(import.meta.url), __bundleFile = import.meta.filename, __bundleFolder = import.meta.dirname`

/** Modules may declare these names themselves, so the banner has other names. */
const COMMONJS_NAMES = { __filename: '__bundleFile', __dirname: '__bundleFolder' }

/**
 * Bundles the entries of every role and the exports of the package. Code that entries share goes into shared files, so
 * that each class exists once.
 *
 * The api is bundled by itself: esbuild splits shared code into one file for each combination of entries that share it,
 * and each file adds a millisecond to a start.
 *
 * @param outdir `dist/services` as an absolute path, which is also where the bundle runs
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
        // Prefers the ESM of packages that have both formats, because esbuild can remove its unused code.
        mainFields: ['module', 'main'],
        // The code uses the names of error classes.
        keepNames: true,
        external: [...UNBUNDLED],
        banner: { js: COMMONJS },
        define: COMMONJS_NAMES,
        plugins: [builtins, separateBundle(outdir), rewriteImportMeta(services, outdir)],
        logLevel: 'warning',
      }),
    ),
  )
  // Imported dynamically, because static imports are compiled before any code runs.
  const starter = (name: string) =>
    `import { useCompileCache } from '../compile-cache.js'\nuseCompileCache()\n${main(name)}`
  const main = (name: string) => {
    const imported = `await import('./${path.basename(name)}${MAIN}.js')`
    return handlers.includes(name) ? `export const { handler } = ${imported}\n` : `${imported}\n`
  }
  await Promise.all([...programs, ...handlers].map(name => writeFile(path.join(outdir, `${name}.js`), starter(name))))
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..')
  await bundle(root, path.join(root, 'dist/services'))
}
