/**
 * Preloaded into a process of the simulation. Loads the consumer with the mutation that HEADGATE_MUTATION numbers, without
 * changing a file.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { MUTATIONS } from './index.ts'

const consumer = path.resolve(import.meta.dirname, '../../../services/consumer')
const mutation = MUTATIONS[Number(process.env.HEADGATE_MUTATION)]
if (!mutation)
  throw new RangeError(`HEADGATE_MUTATION is ${process.env.HEADGATE_MUTATION}, but no mutation has that number.`)
const { file, text, replacement } = mutation
const target = path.join(consumer, file)

const parts = readFileSync(target, 'utf8').split(text)
if (parts.length !== 2) throw new Error(`'${text}' is in ${file} ${parts.length - 1} times, not once.`)
const source = parts.join(replacement)

registerHooks({
  load: (url, context, nextLoad) =>
    url.startsWith('file:') && fileURLToPath(url) === target
      ? { format: 'module-typescript', source, shortCircuit: true }
      : nextLoad(url, context),
})
