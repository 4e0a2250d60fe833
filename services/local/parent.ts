import { readFileSync } from 'node:fs'

/** How often it is looked, in milliseconds: no event tells a process that its parent ended. */
const POLL_MS = 500

export interface ParentWatch {
  stop(): void
}

/**
 * Calls back once when the process that started this one has ended, be it by kill -9. Under npm that is npm: it runs a script
 * by `sh -c`, and a shell in between outlives a kill -9 of npm, while a SIGTERM ends both without reaching this process. A
 * process without a parent from its start, as the first of a container, waits for none.
 */
export function watchParent(onGone: () => void, env: NodeJS.ProcessEnv = process.env): ParentWatch {
  const parent = process.ppid
  const npm = isShellOfNpm(parent, env) ? parentOf(parent) : undefined
  // The parent of what lost its own changes, and stays so: unlike whether a number is alive, this cannot be mistaken.
  const isGone = () => process.ppid !== parent || (npm !== undefined && parentOf(parent) !== npm)
  const timer = setInterval(() => {
    if (!isGone()) return
    clearInterval(timer)
    onGone()
  }, POLL_MS).unref()
  return { stop: () => clearInterval(timer) }
}

/** Whether a process is `sh -c` with the script that npm runs. A shell that is not so is the person's. */
function isShellOfNpm(pid: number, env: NodeJS.ProcessEnv): boolean {
  const script = env.npm_lifecycle_script
  const [, flag, command = ''] = readProc(pid, 'cmdline').split('\0')
  return script !== undefined && flag === '-c' && command.startsWith(script)
}

/** Undefined where there is no /proc: on macOS sh is bash, which becomes what it runs, so that npm is the parent. */
function parentOf(pid: number): number | undefined {
  const found = /^PPid:\s+(\d+)/m.exec(readProc(pid, 'status'))?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Empty where it is not there. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    // No /proc, or no such process any more: there is nothing to be known of it.
    return ''
  }
}
