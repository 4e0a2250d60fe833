import { execFile } from 'node:child_process'
import { cp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../../image/bundle.ts'
import { BenchError } from './errors.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
/** Inside of node_modules, so that packages are found from there as from the sources. */
const OUT = path.join(ROOT, 'node_modules/.cache/headgate-bench')
const IMAGE = path.join(ROOT, 'node_modules/.cache/headgate-bench-image')

/**
 * Compiles everything to JavaScript, as `npm run build` does: what is published is started from that, without the types to strip.
 *
 * @returns the folder of it, laid out as the repository
 * @throws BenchError where it does not compile
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
  await writeFile(path.join(OUT, 'package.json'), JSON.stringify({ type: 'module' }))
  return OUT
}

/**
 * Bundles every role and compiles it ahead, by the very steps of the Dockerfile: what the image runs.
 *
 * @returns the folder of it, with `dist/services` inside as in the image
 * @throws BenchError where it cannot be bundled, or an upload does not go through it
 */
export async function buildImage(): Promise<string> {
  const services = path.join(IMAGE, 'dist/services')
  await rm(IMAGE, { recursive: true, force: true })
  try {
    await bundle(ROOT, services)
    await cp(path.join(ROOT, 'package.json'), path.join(IMAGE, 'package.json'))
    await promisify(execFile)(process.execPath, [path.join(ROOT, 'image/warm-up.ts'), services], {
      cwd: ROOT,
      // As in the image's build: what is measured runs with other options.
      env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    })
  } catch (cause) {
    throw new BenchError('The image cannot be made: see image/bundle.ts and image/warm-up.ts.', { cause })
  }
  return IMAGE
}
