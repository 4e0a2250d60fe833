import { readFileSync } from 'node:fs'
import path from 'node:path'
import { BenchError } from './errors.ts'

const DOCKERFILE = path.resolve(import.meta.dirname, '../../Dockerfile')

/**
 * Returns the environment variables that the image sets for every process besides the configuration, from the
 * Dockerfile itself.
 *
 * @throws BenchError if the Dockerfile sets no Node options
 */
export function imageEnv(dockerfile: string = readFileSync(DOCKERFILE, 'utf8')): NodeJS.ProcessEnv {
  const [, options] = /^ENV NODE_OPTIONS="?([^"\n]+)"?$/m.exec(dockerfile) ?? []
  if (options === undefined) throw new BenchError('The Dockerfile sets no NODE_OPTIONS.')
  return { NODE_OPTIONS: options }
}
