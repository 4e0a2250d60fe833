import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { BenchError } from './errors.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
/** Inside of node_modules, so that packages are found from there as from the sources. */
const OUT = path.join(ROOT, 'node_modules/.cache/headgate-bench')

/**
 * Compiles everything to JavaScript, as `npm run build` does: what is delivered is started from that, without the types to strip.
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
