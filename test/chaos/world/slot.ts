import { setTimeout as pass } from 'node:timers/promises'
import { type Program, runProgram, until } from '../../support/processes.ts'
import type { Exit } from '../evidence/ledger.ts'
import type { Scope } from './scope.ts'

export interface SlotSettings {
  name: string
  /** The program's file. */
  entry: string
  env: Record<string, string>
  /** What a process writes once it serves. Its first group, if it has one, is where it is reached. */
  serves: RegExp
  onExit(exit: Exit): void
  /** Called with each process as soon as it has been started. */
  onStart?(pid: number): void
}

/** Slower machines take their time to start a process. */
const START_TIMEOUT_MS = 90_000
/** A stop takes as long as the process's own bound at most. */
const STOP_TIMEOUT_MS = 60_000

/** A place for one process at a time, as a service of a fleet has them: what ends is started anew. */
export class Slot {
  readonly #scope: Scope
  readonly #settings: SlotSettings
  readonly #programs: Program[] = []
  /** Killed or asked to stop: how these end is no surprise. */
  readonly #ending = new WeakSet<Program>()
  #busy = false
  #closed = false

  constructor(scope: Scope, settings: SlotSettings) {
    this.#scope = scope
    this.#settings = settings
    this.#start()
  }

  get name(): string {
    return this.#settings.name
  }

  /** Where the process is reached, while it serves as far as one can tell from outside. */
  get url(): string | undefined {
    const { exitCode, signalCode } = this.#program.child
    return exitCode === null && signalCode === null ? this.#served(this.#program)?.[1] : undefined
  }

  /** What all its processes have written. */
  get output(): string {
    return this.#programs.map(({ pid, stdout, stderr }) => `--- ${pid}\n${stdout()}${stderr()}`).join('\n')
  }

  /** Of the process that runs now, or of the one that ran last. */
  get pid(): number {
    return this.#program.pid
  }

  get starts(): number {
    return this.#programs.length
  }

  async untilServing(): Promise<void> {
    const what = `${this.name} to serve`
    await until(() => this.#served(this.#program) !== undefined, { timeoutMs: START_TIMEOUT_MS, what })
  }

  /** kill -9, and another one after a while. Resolves to false where something is done to it already, as the others. */
  kill(downMs: number): Promise<boolean> {
    return this.#alone(async () => {
      const program = this.#program
      this.#ending.add(program)
      program.child.kill('SIGKILL')
      await program.ended
      await this.#replace(downMs)
    })
  }

  /** SIGTERM, and another one a while after it has ended. */
  stop(downMs: number): Promise<boolean> {
    return this.#alone(async () => {
      await this.#terminate()
      await this.#replace(downMs)
    })
  }

  freeze(forMs: number): Promise<boolean> {
    return this.#alone(async () => {
      const { child } = this.#program
      child.kill('SIGSTOP')
      await pass(forMs)
      child.kill('SIGCONT')
    })
  }

  /** SIGTERM, for good. Call it when nothing else is under way. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#terminate()
  }

  get #program(): Program {
    const program = this.#programs.at(-1)
    if (!program) throw new Error('A slot has a process from its beginning.')
    return program
  }

  #served(program: Program): RegExpExecArray | undefined {
    return this.#settings.serves.exec(program.stdout()) ?? undefined
  }

  async #alone(work: () => Promise<void>): Promise<boolean> {
    if (this.#busy) return false
    this.#busy = true
    try {
      await work()
    } finally {
      this.#busy = false
    }
    const { exitCode, signalCode } = this.#program.child
    if (exitCode !== null || signalCode !== null) this.#start()
    return true
  }

  async #replace(downMs: number): Promise<void> {
    await pass(downMs)
    this.#start()
  }

  #start(): void {
    const { entry, env, onExit } = this.#settings
    const program = runProgram(this.#scope, [entry], { env })
    // Undone before the process is killed, which would otherwise be replaced.
    this.#scope.teardown(() => {
      this.#closed = true
    })
    this.#programs.push(program)
    this.#settings.onStart?.(program.pid)
    void program.ended.then(({ code, signal }) => {
      if (this.#ending.has(program) || this.#closed) return
      onExit({ process: this.name, asked: 'nothing', code, signal, served: this.#served(program) !== undefined })
      if (!this.#busy) this.#start()
    })
  }

  async #terminate(): Promise<void> {
    const program = this.#program
    const served = this.#served(program) !== undefined
    this.#ending.add(program)
    program.child.kill('SIGTERM')
    const late = new AbortController()
    const ended = await Promise.race([
      program.ended,
      pass(STOP_TIMEOUT_MS, { code: null, signal: `no end within ${STOP_TIMEOUT_MS} ms` }, { signal: late.signal }),
    ])
    late.abort()
    // Before it serves, a signal ends it as it ends any process.
    if (served) this.#settings.onExit({ process: this.name, asked: 'SIGTERM', ...ended, served })
    program.child.kill('SIGKILL')
    await program.ended
  }
}
