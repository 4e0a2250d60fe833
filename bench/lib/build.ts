import { execFile } from 'node:child_process'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../../image/bundle.ts'
import { BenchError } from './errors.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
/** Inside node_modules, so that packages are resolved as from the sources. */
const OUT = path.join(ROOT, 'node_modules/.cache/headgate-bench')
const IMAGE = path.join(ROOT, 'node_modules/.cache/headgate-bench-image')

/**
 * Compiles everything to JavaScript, as `npm run build` does. The published package runs this code, without stripping
 * types.
 *
 * @returns the output folder, laid out like the repository
 * @throws BenchError if the sources do not compile
 */
export async function buildAll(): Promise<string> {
  try {
    await promisify(execFile)(
      process.execPath,
      [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '--outDir', OUT, '--declaration', 'false'],
      { cwd: ROOT },
    )
  } catch (cause) {
    throw new BenchError('The sources do not compile: see npm run check.', { cause })
  }
  const { version } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
  await writeFile(path.join(OUT, 'package.json'), JSON.stringify({ type: 'module', version }))
  return OUT
}

/**
 * Bundles every role and compiles it ahead, with the same steps as the Dockerfile.
 *
 * @returns the output folder, with `dist/services` as in the image
 * @throws BenchError if the bundle cannot be built, or an upload through it fails
 */
export async function buildImage(): Promise<string> {
  const services = path.join(IMAGE, 'dist/services')
  await rm(IMAGE, { recursive: true, force: true })
  try {
    await bundle(ROOT, services)
    await cp(path.join(ROOT, 'package.json'), path.join(IMAGE, 'package.json'))
    await promisify(execFile)(process.execPath, [path.join(ROOT, 'image/warm-up.ts'), services], {
      cwd: ROOT,
      // As in the image's build. The measured programs run with other options.
      env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    })
  } catch (cause) {
    throw new BenchError('The bundle cannot be built: see image/bundle.ts and image/warm-up.ts.', { cause })
  }
  return IMAGE
}
