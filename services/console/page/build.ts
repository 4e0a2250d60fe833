/** Bundles the page. In a clone, the console runs this when it starts. `node build.ts FOLDER` writes the files for the npm package and the image. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build, type Plugin, stop } from 'esbuild'

const STATIC = ['index.html', 'icon.svg']

const source = (name: string) => path.join(import.meta.dirname, name)

/** The number of bundles that are being made. */
let running = 0

const CLIENT = path.resolve(import.meta.dirname, '../../client')

/** Leaves out the file of `@headgate/client` that its package.json excludes from browsers: it needs Node. */
const clientForPages: Plugin = {
  name: 'client-for-pages',
  setup({ onLoad }) {
    onLoad({ filter: /node-files\.ts$/ }, ({ path: file }) =>
      file === path.join(CLIENT, 'node-files.ts') ? { contents: '' } : undefined,
    )
  },
}

function bundle() {
  return build({
    entryPoints: { page: source('main.tsx') },
    outdir: '/',
    write: false,
    bundle: true,
    splitting: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
    platform: 'browser',
    target: ['chrome123', 'firefox128', 'safari18'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [clientForPages],
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
    // The options that matter for the page are above, so that no tsconfig.json is needed.
    tsconfigRaw: {},
  })
}

/** Resolves to the files of the page by their names. */
export async function buildPage(): Promise<Map<string, Uint8Array>> {
  running++
  try {
    const { outputFiles } = await bundle()
    const files = new Map(outputFiles.map(({ path: file, contents }) => [path.basename(file), contents]))
    for (const name of STATIC) files.set(name, await readFile(source(name)))
    return files
  } finally {
    // The process of esbuild would run for as long as the console.
    if (--running === 0) await stop()
  }
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('Usage: node build.ts FOLDER')
  // The compiler puts the modules here that tests import. The console would serve them.
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const [name, contents] of await buildPage()) await writeFile(path.join(folder, name), contents)
}
