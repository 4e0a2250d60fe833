import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { sibling } from '../../services/local/sibling.ts'
import { readLines } from '../../services/local/tail.ts'
import type { Answer, Event } from './channel.ts'
import { BenchError } from './errors.ts'

export interface ChildSettings {
  name: string
  /** The path of its program. */
  entry: string
  /** Its whole environment. Nothing of the user's environment may change what is measured. */
  env: NodeJS.ProcessEnv
}

/** A program that is measured, or that serves a measured program. */
export interface Child {
  readonly name: string
  /** Rejects if the program ends before it is stopped. Never resolves. */
  readonly death: Promise<never>
  /**
   * Resolves to the value of the first event of this name, even if it was sent before. `listening` has the first port.
   */
  waitFor<T>(event: string): Promise<T>
  ask<T>(question: string): Promise<T>
  stop(): Promise<void>
}

/** The time that a child has to end after SIGTERM, in milliseconds. */
const STOP_MS = 5_000

/** Starts a program with the current Node binary and the probe, as a child that ends when this process ends. */
export function startChild({ name, entry, env }: ChildSettings): Child {
  const child = fork(entry, [], {
    env,
    execArgv: ['--import', pathToFileURL(sibling(import.meta, 'probe')).href],
    // Its log is discarded, so that no reader costs anything.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  })
  const lastLines = readLines(child.stderr)
  const answers = new Map<number, (answer: unknown) => void>()
  const events = new Map<string, PromiseWithResolvers<unknown>>()
  let asked = 0
  let stopping = false

  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message))
    // 'close' instead of 'exit': by then the last output has been read.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const death = ended.then(async (how): Promise<never> => {
    if (stopping) return new Promise<never>(() => undefined)
    throw new BenchError(`${name} ended in the middle of the benchmark: ${how}.\n${lastLines()}`)
  })
  // Callers race their promises against `death`. Without a caller, its rejection must not be unhandled.
  death.catch(() => undefined)

  const event = (called: string) => {
    const known = events.get(called) ?? Promise.withResolvers<unknown>()
    events.set(called, known)
    return known
  }
  child.on('message', (message: Answer | Event) => {
    if ('event' in message) return event(message.event).resolve(message.value)
    answers.get(message.id)?.(message.answer)
    answers.delete(message.id)
  })

  return {
    name,
    death,
    waitFor: <T>(called: string) => Promise.race([event(called).promise as Promise<T>, death]),
    ask<T>(question: string) {
      const id = asked++
      const answer = new Promise<T>(resolve => answers.set(id, answer => resolve(answer as T)))
      child.send({ id, question }, error => {
        // The child has ended or is ending: `death` has the reason.
        if (error) answers.delete(id)
      })
      return Promise.race([answer, death])
    },
    async stop() {
      stopping = true
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      child.kill('SIGTERM')
      await ended
      clearTimeout(kill)
    },
  }
}
