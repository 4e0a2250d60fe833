/**
 * Generates the API reference of the npm packages from their doc comments: `npm run docs:api` writes it into docs/reference/api/. The
 * tools are installed into a temporary folder, because TypeDoc needs another TypeScript than the repository, and nothing else needs them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { run } from '../support/pack.ts'
import { install } from './install.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** The tools, in versions that write the same pages every time. */
const TOOLS = ['typedoc@0.28.20', 'typedoc-plugin-markdown@4.14.1', 'typescript@6.0.3']

/** The folder below docs/reference/api/, and the package, of each page. */
const PAGES = {
  client: { name: '@headgate/client', entry: 'services/client/index.ts' },
  consumer: { name: '@headgate/consumer', entry: 'services/consumer/index.ts' },
  transform: { name: '@headgate/transform', entry: 'services/worker/transforms/author/index.ts' },
} as const

/** The files that are generated, relative to docs/reference/api/. */
export const PAGE_FILES = Object.keys(PAGES).map(page => `${page}/README.md`)

/** The compiler options of the repository, for the files that the packages consist of. */
function entriesOnly() {
  return {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: { typeRoots: [path.join(root, 'node_modules/@types')] },
    include: [],
    files: Object.values(PAGES).map(({ entry }) => path.join(root, entry)),
  }
}

/** Writes the pages into a folder. Resolves to false if npm reaches no registry to install the tools from. */
export async function writeApiReference(out: string): Promise<boolean> {
  const tools = mkdtempSync(path.join(tmpdir(), 'headgate-typedoc-'))
  try {
    writeFileSync(path.join(tools, 'package.json'), '{ "private": true }')
    if (!(await install(tools, TOOLS))) return false
    const modules = path.join(tools, 'node_modules')
    const plugin = path.join(modules, 'typedoc-plugin-markdown/dist/index.js')
    // With the tsconfig of the repository, TypeDoc would read all its files, for each page.
    const tsconfig = path.join(tools, 'tsconfig.json')
    writeFileSync(tsconfig, JSON.stringify(entriesOnly()))
    const shared = ['--options', 'typedoc.json', '--tsconfig', tsconfig, '--plugin', plugin]
    for (const [page, { name, entry }] of Object.entries(PAGES)) {
      const options = [...shared, '--name', name, '--out', path.join(out, page)]
      await run(process.execPath, [path.join(modules, 'typedoc/bin/typedoc'), ...options, entry], { cwd: root })
    }
    return true
  } finally {
    rmSync(tools, { recursive: true, force: true })
  }
}

if (import.meta.main && !(await writeApiReference(path.join(root, 'docs/reference/api')))) {
  process.stderr.write('npm reaches no package registry, and its cache lacks TypeDoc.\n')
  process.exitCode = 1
}
