import { readFileSync } from 'node:fs'
import path from 'node:path'
import { build, type Plugin } from 'esbuild'

const folder = path.resolve(import.meta.dirname, '../../services/client')

/** Returns the program of the client's README, which the README of the repository has too. */
export function readmeProgram(): string {
  const readme = readFileSync(path.join(folder, 'README.md'), 'utf8')
  const program = /```js\n(\/\/ upload\.mjs\n[\s\S]*?)```/.exec(readme)?.[1]
  if (program === undefined) throw new Error('The README has no program upload.mjs')
  return program
}

/** Resolves `@headgate/client` to its sources, and leaves out the files that its package.json excludes from browsers. */
function clientSources(): Plugin {
  const { browser } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { browser: object }
  const excluded = new Set(
    Object.keys(browser).map(file => path.join(folder, file.replace('./dist/', '').replace(/\.js$/, '.ts'))),
  )
  return {
    name: 'client-sources',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^@headgate\/client$/ }, () => ({ path: path.join(folder, 'index.ts') }))
      onLoad({ filter: /\.ts$/ }, ({ path }) => (excluded.has(path) ? { contents: '' } : undefined))
    },
  }
}

/**
 * Bundles modules that import `@headgate/client`, as bundlers for pages do.
 *
 * @param modules source text by name, which may also import files of the client by their relative paths
 * @param splitting false for service workers, which load no module later
 * @returns files by path, for `startPages`: `/NAME.js` and what it loads
 */
export async function bundleForPages(
  modules: Readonly<Record<string, string>>,
  { splitting = true } = {},
): Promise<Record<string, { type: string; body: Uint8Array }>> {
  const sources: Plugin = {
    name: 'modules',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^module:/ }, ({ path }) => ({ path: path.slice('module:'.length), namespace: 'module' }))
      onLoad({ filter: /^/, namespace: 'module' }, ({ path }) => ({
        contents: modules[path] ?? '',
        resolveDir: folder,
      }))
    },
  }
  const { outputFiles } = await build({
    entryPoints: Object.keys(modules).map(name => ({ in: `module:${name}`, out: name })),
    plugins: [sources, clientSources()],
    bundle: true,
    splitting,
    format: 'esm',
    platform: 'browser',
    outdir: '/',
    write: false,
    logLevel: 'silent',
  })
  return Object.fromEntries(
    outputFiles.map(({ path, contents }) => [path, { type: 'text/javascript', body: contents }]),
  )
}
