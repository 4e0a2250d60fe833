import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'
import { builtins } from '../../../image/builtins.ts'
import { entriesOf } from '../../../image/entries.ts'
import { UNBUNDLED } from '../../../image/packages.ts'

/** The environment variable with the folder of the programs. `npm test` sets it, and use-programs.mjs reads it. */
export const BUNDLED_PROGRAMS = 'HEADGATE_TEST_PROGRAMS'

/** The programs and preloads of `npm start` and the embedded AWS. The image has the others. */
const LOCAL = [
  'local/start',
  'local/aws',
  'local/console',
  'local/pipeline/child-preload',
  'local/reload/check-program',
  'local/reload/use-snapshot',
  'local/servers/kinesis-child',
  'local/servers/s3-child',
]

/** Packages that load files from their own folders. */
const EXTERNAL = [...UNBUNDLED, '@pnpm/tabtab', 'classic-level', 'dynalite', 'esbuild', 'kinesis-local', 'open']

/** A bundle is deleted when no run has used it for this time, in milliseconds. Another run may be using a younger one. */
const KEPT_MS = 24 * 60 * 60 * 1_000

/** Returns the programs of Headgate, their preloads, and what custom transforms import, relative to `services/` and without `.ts`. */
function programsOf(root: string): string[] {
  const { programs, processes, libraries } = entriesOf(path.join(root, 'services'))
  return [...programs, ...processes, ...libraries, ...LOCAL]
}

/**
 * Bundles the programs of Headgate with their packages. Without bundles, each of them loads 300 to 700 modules. Resolves to the folder of
 * the bundles, which are built again when a source file or the installed packages change.
 */
export async function bundlePrograms(root: string, entries: readonly string[] = programsOf(root)): Promise<string> {
  const services = path.join(root, 'services')
  const cache = path.join(root, 'node_modules/.cache/test-programs')
  const folder = path.join(cache, keyOf(root, entries))
  if (existsSync(folder)) {
    const now = new Date()
    utimesSync(folder, now, now)
    return folder
  }
  // Most processes import only the name of the variable.
  const { build } = await import('esbuild')
  mkdirSync(cache, { recursive: true })
  deleteUnused(cache)
  const temporary = mkdtempSync(path.join(cache, 'building-'))
  await build({
    absWorkingDir: root,
    entryPoints: entries.map(name => ({ in: path.join(services, `${name}.ts`), out: name })),
    outdir: temporary,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // A program and its preloads share modules, and each module must exist once.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Prefers the ESM of packages that have both formats, because esbuild can remove its unused code.
    mainFields: ['module', 'main'],
    // The code uses the names of error classes.
    keepNames: true,
    external: EXTERNAL,
    // CommonJS modules in a bundle load the modules of Node by this function.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url)",
    },
    plugins: [builtins, keepImportMeta(services)],
    logLevel: 'warning',
  })
  writeFileSync(path.join(temporary, 'entries.json'), JSON.stringify(entries))
  try {
    renameSync(temporary, folder)
  } catch (error) {
    // Another run has built the same.
    if (!existsSync(folder)) throw error
    rmSync(temporary, { recursive: true })
  }
  return folder
}

/** Returns a name that changes with the sources, the installed packages and how they are bundled. */
function keyOf(root: string, entries: readonly string[]): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(entries))
    .update(readFileSync(import.meta.filename))
  for (const file of globSync(['{package,package-lock,tsconfig}.json', '{services/**,image}/*.ts'], {
    cwd: root,
  }).sort()) {
    hash.update(`\0${file}\0`).update(readFileSync(path.join(root, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

function deleteUnused(cache: string): void {
  for (const folder of globSync(path.join(cache, '*'))) {
    // Another run may have deleted it just now.
    const used = statSync(folder, { throwIfNoEntry: false })
    if (used && used.mtimeMs < Date.now() - KEPT_MS) rmSync(folder, { recursive: true, force: true })
  }
}

/** Keeps `import.meta` that of the source file: programs find each other by it, and a started program is redirected to its bundle. */
function keepImportMeta(services: string): Plugin {
  return {
    name: 'keep-import-meta',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        if (path.relative(services, file).startsWith('..')) return undefined
        const source = readFileSync(file, 'utf8')
        if (!source.includes('import.meta')) return undefined
        const meta = { dirname: path.dirname(file), filename: file, url: pathToFileURL(file).href }
        const contents = source
          .replace(/\bimport\.meta\.(dirname|filename|url)\b/g, (_, name: keyof typeof meta) =>
            JSON.stringify(meta[name]),
          )
          .replace(/\bimport\.meta\b(?!\.)/g, `(${JSON.stringify(meta)})`)
        return { contents, loader: 'ts' }
      })
    },
  }
}
