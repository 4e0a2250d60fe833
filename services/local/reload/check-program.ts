/**
 * Loads the rules of TRANSFORMS as a worker does, in a process of its own, because a process cannot load a module twice. Sends the
 * result to its parent, and ends.
 */
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../../platform/errors.ts'
import { readRules } from '../../worker/transforms/rules/read-rules.ts'
import { loadRules } from '../../worker/transforms/rules/rules.ts'
import { resolveModule } from '../../worker/transforms/rules/transform-source.ts'
import { isOwnFile, rulesFile } from './own-files.ts'
import { type LoadedFile, observeLoads } from './snapshot.ts'

/** What the program sends. */
export interface CheckResult {
  /** Paths of the files that the rules depend on, including those that are missing or invalid. */
  files: string[]
  /** What is wrong with the rules or a module. Left out: nothing. */
  fault?: string
  /** The rules as JSON that does not depend on a file or a folder, and the sources of their modules. Only without a fault. */
  loaded?: { rules: string; modules: LoadedFile[] }
}

const text = process.env.TRANSFORMS
const seen = new Set<string>()
const modules = new Map<string, LoadedFile>()
observeLoads((url, file) => {
  if (!isOwnFile(url)) return
  seen.add(fileURLToPath(url))
  if (file) modules.set(url, file)
})

async function check(): Promise<Omit<CheckResult, 'files'>> {
  try {
    const { folder, ...read } = readRules(text)
    const rules = read.rules.map(rule => {
      if (rule.module === undefined) return rule
      const module = resolveModule(rule.module, folder)
      if (isOwnFile(module)) seen.add(fileURLToPath(module))
      return { ...rule, module }
    })
    const json = JSON.stringify({ ...read, rules })
    await loadRules(json, transform => transform)
    return { loaded: { rules: json, modules: [...modules.values()] } }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return { fault: error.faults.map(({ variable, problem }) => `${variable}: ${problem}`).join('\n') }
  }
}

const outcome = await check()
const file = rulesFile(text)
const result: CheckResult = { files: [...(file === undefined ? [] : [file]), ...seen], ...outcome }
// A module may keep the process running, for example by a timer.
process.send?.(result, () => process.exit(0))
