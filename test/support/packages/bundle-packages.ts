import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'

/** The environment variable with the folder of the bundles. `npm test` sets it, and use-bundles.mjs reads it. */
export const BUNDLED_PACKAGES = 'HEADGATE_TEST_PACKAGES'

/** Packages of hundreds of modules, with all the names by which the repository imports them. To load a module takes Node 0.2 ms. */
const PACKAGES = [
  'typebox',
  'typebox/compile',
  'typebox/schema',
  'typebox/value',
  '@fastify/type-provider-typebox',
  'file-type',
  'uuid',
]

/**
 * Bundles packages that take long to load. Resolves to the folder of the bundles, which are built again when the installed packages
 * change.
 */
export async function bundlePackages(root: string): Promise<string> {
  const versions = readFileSync(path.join(root, 'package-lock.json'))
  const key = createHash('sha256').update(JSON.stringify(PACKAGES)).update(versions).digest('hex').slice(0, 16)
  const cache = path.join(root, 'node_modules/.cache/test-packages')
  const folder = path.join(cache, key)
  if (existsSync(folder)) return folder
  // Most processes import only the name of the variable.
  const { build } = await import('esbuild')
  mkdirSync(cache, { recursive: true })
  const temporary = mkdtempSync(path.join(cache, 'building-'))
  await build({
    absWorkingDir: root,
    entryPoints: PACKAGES.map(name => ({ in: name, out: name.replaceAll('/', '+') })),
    outdir: temporary,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // The packages share modules, and each module must exist once.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    keepNames: true,
    // CommonJS modules in a bundle load the modules of Node by this function.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url)",
    },
    logLevel: 'warning',
  })
  try {
    renameSync(temporary, folder)
  } catch (error) {
    // Another run has built the same.
    if (!existsSync(folder)) throw error
    rmSync(temporary, { recursive: true })
  }
  return folder
}
