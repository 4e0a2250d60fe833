import { readFileSync } from 'node:fs'

/** The interval of the check, in milliseconds. No event tells a process that its parent ended. */
const POLL_MS = 500

export interface ParentWatch {
  stop(): void
}

/**
 * Calls `onGone` once when the parent process has ended, even by kill -9.
 *
 * Under npm, the process to watch is npm: npm runs a script with `sh -c`, and that shell survives a kill -9 of npm. A
 * SIGTERM ends npm and the shell without reaching this process. A process that has no parent from its start, such as
 * the first process of a container, is not watched.
 */
export function watchParent(onGone: () => void, env: NodeJS.ProcessEnv = process.env): ParentWatch {
  const parent = process.ppid
  const npm = isShellOfNpm(parent, env) ? parentOf(parent) : undefined
  // The system gives an orphaned process a new parent, and never the old one again. So this check is reliable, while a
  // check whether a process id is alive is not: ids are reused.
  const isGone = () => process.ppid !== parent || (npm !== undefined && parentOf(parent) !== npm)
  const timer = setInterval(() => {
    if (!isGone()) return
    clearInterval(timer)
    onGone()
  }, POLL_MS).unref()
  return { stop: () => clearInterval(timer) }
}

/** Returns whether a process is the `sh -c` that npm started for its script, and not a shell of the user. */
function isShellOfNpm(pid: number, env: NodeJS.ProcessEnv): boolean {
  const script = env.npm_lifecycle_script
  const [, flag, command = ''] = readProc(pid, 'cmdline').split('\0')
  return script !== undefined && flag === '-c' && command.startsWith(script)
}

/**
 * Returns undefined without /proc. On macOS, sh is bash, which replaces itself with the program, so npm is the parent.
 */
function parentOf(pid: number): number | undefined {
  const found = /^PPid:\s+(\d+)/m.exec(readProc(pid, 'status'))?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Returns an empty string if the file does not exist. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    // There is no /proc, or the process has ended.
    return ''
  }
}
