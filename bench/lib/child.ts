import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { sibling } from '../../services/local/sibling.ts'
import { readLines } from '../../services/local/tail.ts'
import type { Answer, Event } from './channel.ts'
import { BenchError } from './errors.ts'

export interface ChildSettings {
  name: string
  /** The file of its program. */
  entry: string
  /** Its whole environment: nothing of the person's own may change what is measured. */
  env: NodeJS.ProcessEnv
}

/** A program that is measured, or that serves one that is. */
export interface Child {
  readonly name: string
  /** Rejects when it ends before it is stopped. Never resolves. */
  readonly death: Promise<never>
  /** The value of the first event of this name, also when that was before. `listening` gives the first port. */
  waitFor<T>(event: string): Promise<T>
  ask<T>(question: string): Promise<T>
  stop(): Promise<void>
}

/** After SIGTERM, a child has so long to end by itself. */
const STOP_MS = 5_000

/** Starts a program on this Node, with the probe in it, as a child that ends when this process does. */
export function startChild({ name, entry, env }: ChildSettings): Child {
  const child = fork(entry, [], {
    env,
    execArgv: ['--import', pathToFileURL(sibling(import.meta, 'probe')).href],
    // Its log goes nowhere, at no cost for who would read it.
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
    // 'close' and not 'exit': what it wrote last is read by then, and it is what is wanted when it dies.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const death = ended.then(async (how): Promise<never> => {
    if (stopping) return new Promise<never>(() => undefined)
    throw new BenchError(`${name} ended in the middle of the benchmark: ${how}.\n${lastLines()}`)
  })
  // Whoever waits for this child races it against its death. While nobody does, it is no unhandled rejection.
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
        // It is gone, or going: its death says why.
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
