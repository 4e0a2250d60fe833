import { readFileSync } from 'node:fs'
import path from 'node:path'
import { BenchError } from './errors.ts'

const DOCKERFILE = path.resolve(import.meta.dirname, '../../Dockerfile')

/**
 * What the image gives every process of Headgate beside its configuration, read from the Dockerfile itself: what is measured is
 * what is delivered.
 *
 * @throws BenchError where it gives no Node options
 */
export function imageEnv(dockerfile: string = readFileSync(DOCKERFILE, 'utf8')): NodeJS.ProcessEnv {
  const [, options] = /^ENV NODE_OPTIONS="?([^"\n]+)"?$/m.exec(dockerfile) ?? []
  if (options === undefined) throw new BenchError('The Dockerfile has no NODE_OPTIONS any more.')
  return { NODE_OPTIONS: options }
}
