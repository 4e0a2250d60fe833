/** Bundles the page. In a clone, the console runs this when it starts. `node build.ts FOLDER` writes the files for the npm package and the image. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Metafile } from 'esbuild'

const STATIC = ['index.html', 'icon.svg']

const source = (name: string) => path.join(import.meta.dirname, name)

/** Resolves to the files of the page by their names. */
export async function buildPage(): Promise<Map<string, Uint8Array>> {
  // Otherwise the process of esbuild would run for as long as the console.
  process.env.ESBUILD_WORKER_THREADS = '0'
  const { buildSync } = await import('esbuild')
  const { outputFiles, metafile } = buildSync({
    entryPoints: { page: source('main.tsx') },
    outdir: import.meta.dirname,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    chunkNames: '[name]-[hash]',
    // A part of `@headgate/client` for Node, which its package.json excludes from browsers.
    external: [source('../../client/node-files.ts')],
    format: 'esm',
    platform: 'browser',
    target: ['chrome123', 'firefox128', 'safari18'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
    // The options that matter for the page are above, so that no tsconfig.json is needed.
    tsconfigRaw: {},
  })
  const files = new Map(outputFiles.map(({ path: file, contents }) => [path.basename(file), contents]))
  for (const name of STATIC) files.set(name, await readFile(source(name)))
  const html = Buffer.from(files.get('index.html') ?? '').toString()
  files.set('index.html', Buffer.from(html.replace(SCRIPT, `${preloadsOf(metafile)}${SCRIPT}`)))
  return files
}

const SCRIPT = '<script type="module" src="/page.js">'

/** Lets the browser request the parts of the program together with the program, and not after it has arrived and was parsed. */
function preloadsOf({ outputs }: Metafile): string {
  const needed = new Set<string>()
  const add = (name: string) => {
    for (const { path: part, kind } of outputs[name]?.imports ?? []) {
      if (kind !== 'import-statement' || needed.has(part)) continue
      needed.add(part)
      add(part)
    }
  }
  add(Object.keys(outputs).find(name => path.basename(name) === 'page.js') ?? '')
  return [...needed].map(part => `<link rel="modulepreload" href="/${path.basename(part)}">`).join('')
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('Usage: node build.ts FOLDER')
  // The compiler puts the modules here that tests import. The console would serve them.
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const [name, contents] of await buildPage()) await writeFile(path.join(folder, name), contents)
}
