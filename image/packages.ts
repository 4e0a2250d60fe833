import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Packages that are not bundled, because they load files from their own folders: web pages, and a C library. */
export const UNBUNDLED = ['@fastify/swagger-ui', 'sharp'] as const

interface Manifest {
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

/**
 * Returns the folders of packages and of all their dependencies, relative to `root`, as Node resolves them. Packages
 * that are not installed are skipped: optional ones are for other machines.
 */
export function closureOf(root: string, names: readonly string[]): string[] {
  const found = new Set<string>()
  const visit = (from: string, name: string) => {
    const folder = find(root, from, name)
    if (folder === undefined || found.has(folder)) return
    found.add(folder)
    const { dependencies, optionalDependencies } = manifestOf(path.join(root, folder))
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(folder, dependency)
  }
  for (const name of names) visit('', name)
  return [...found].sort()
}

/** Returns the folder of a package as Node resolves it from another folder: in its `node_modules`, or in one above. */
function find(root: string, from: string, name: string): string | undefined {
  const folder = path.join(from, 'node_modules', name)
  if (existsSync(path.join(root, folder, 'package.json'))) return folder
  if (from === '') return undefined
  return find(root, path.dirname(from) === '.' ? '' : path.dirname(from), name)
}

function manifestOf(folder: string): Manifest {
  return readJson(path.join(folder, 'package.json')) as Manifest
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Files that no program reads. */
const UNREAD = /(?:\.(?:map|md|markdown|d\.[cm]?ts|ts)|\/(?:test|tests|docs|examples?|benchmarks?|\.github))$/i

/** Copies packages and their dependencies to another root, without the files that only developers read. */
export function copyPackages(root: string, to: string, names: readonly string[] = UNBUNDLED): void {
  for (const folder of closureOf(root, names)) {
    const here = path.join(root, folder)
    // Nested packages are in the list themselves, if they are needed.
    const filter = (file: string) => file !== path.join(here, 'node_modules') && !UNREAD.test(file.slice(here.length))
    cpSync(here, path.join(to, folder), { recursive: true, dereference: true, filter })
  }
}

/**
 * Writes a package `@headgate/NAME` to another root for each export `./NAME` of the repository's package, as a name for
 * what is bundled there: a transform that imports `@headgate/transform` gets the classes that the worker uses. Other
 * workspaces, such as the client, have no part in the image.
 */
export function writeOwnPackages(root: string, to: string): void {
  const { exports, workspaces } = readJson(path.join(root, 'package.json')) as {
    exports: Record<string, string | { default: string }>
    workspaces: string[]
  }
  const packages = workspaces.map(
    workspace => readJson(path.join(root, workspace, 'package.json')) as { name: string; version: string },
  )
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    const name = subpath.replace('.', '@headgate')
    const version = packages.find(workspace => workspace.name === name)?.version
    if (version === undefined) throw new Error(`The package exports ${subpath}, but no workspace is named ${name}.`)
    const folder = path.join(to, 'node_modules', name)
    mkdirSync(folder, { recursive: true })
    const manifest = { name, version, type: 'module', exports: './index.js' }
    writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest)}\n`)
    writeFileSync(path.join(folder, 'index.js'), `export * from '${path.posix.join('../../..', target.default)}'\n`)
  }
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..')
  const [to = 'packages', ...names] = process.argv.slice(2)
  copyPackages(root, path.resolve(to), names.length > 0 ? names : UNBUNDLED)
  // With names, the packages are for the embedded AWS, which runs from its sources.
  if (names.length === 0) writeOwnPackages(root, path.resolve(to))
}
