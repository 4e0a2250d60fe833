import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { recordTimes } from '../times/record-times.ts'
import { setCurrentTest } from './current-test.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const CURRENT_TEST = pathToFileURL(path.resolve(import.meta.dirname, 'current-test.ts')).href

/**
 * Runs test files in this process, one after the other. Each file is a test of its own, which ends with its teardowns before the next
 * file is imported. Environment variables that a file sets do not reach the next file.
 */
export async function runGroup(files: readonly string[]): Promise<void> {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'tap' ? { url: CURRENT_TEST, shortCircuit: true } : next(specifier, context),
  })
  for (const file of files) {
    const env = { ...process.env }
    await t.test(file, async test => {
      setCurrentTest(test)
      await import(pathToFileURL(path.join(root, file)).href)
    })
    recordTimes(file)
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
    Object.assign(process.env, env)
  }
}
