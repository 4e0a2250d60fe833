/**
 * Runs first in the process of every test file: .taprc names it in NODE_OPTIONS, which Node reads before the `--import` arguments that tap
 * passes. It is JavaScript, because the first TypeScript file that is loaded before the compile cache is enabled loads the compiler of Node,
 * which takes longer than the rest of this file.
 */
import { enableCompileCache } from 'node:module'
import path from 'node:path'
import './packages/use-bundles.mjs'

const compiled = path.resolve(import.meta.dirname, '../../node_modules/.cache/compiled')

// Keeps the compiled code of each module, so that the many processes of a test run do not compile the same modules again: they start in
// about half the processor time. Programs that a test starts inherit the variable. A value that is set already wins, and Node has applied
// it. `npm ci` empties the folder.
process.env.NODE_COMPILE_CACHE ??= compiled
enableCompileCache(process.env.NODE_COMPILE_CACHE)

// For its coverage, tap records every module that a test or one of its programs loads. That takes a fifth of the processor time of a test
// file, and coverage is off. No module is recorded if this pattern matches all of them. Nothing but the environment can set it.
process.env._TAPJS_PROCESSINFO_EXCLUDE_ = '/^/'

if (process.env.HEADGATE_TEST_TIMES !== undefined) {
  const { recordTimesAtExit } = await import('./times/record-times.ts')
  recordTimesAtExit(path.resolve(import.meta.dirname, '../..'))
}

// The programs that a test starts do without this file. Below `npm test`, they use the bundled packages too,
// and programs of Headgate run from bundles.
if (process.env.HEADGATE_TEST_PACKAGES === undefined) delete process.env.NODE_OPTIONS
else {
  const preloads = ['packages/use-bundles.mjs', 'packages/use-programs.mjs']
  process.env.NODE_OPTIONS = preloads.map(file => `--import=${new URL(file, import.meta.url)}`).join(' ')
}
