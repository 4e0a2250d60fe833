import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { InterruptedError } from './errors.ts'

/** Asks the user for values. */
export interface Terminal {
  /** Resolves to a line of input, or to undefined if there is no terminal or the input ends. @throws InterruptedError after Ctrl-C */
  ask(question: string, settings?: { isHidden?: boolean }): Promise<string | undefined>
}

/** Returns the terminal of this process. Input for a hidden question is not shown. */
export function processTerminal({ stdin, stderr }: Pick<NodeJS.Process, 'stdin' | 'stderr'> = process): Terminal {
  return {
    async ask(question, { isHidden = false } = {}) {
      if (!stdin.isTTY) return undefined
      stderr.write(question)
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
      const typing = createInterface({ input: stdin, output: isHidden ? nowhere : stderr, terminal: true })
      try {
        return await new Promise<string | undefined>((resolve, reject) => {
          typing.once('SIGINT', () => reject(new InterruptedError('Stopped.')))
          // At the end of the input.
          typing.once('close', () => resolve(undefined))
          typing.once('line', resolve)
        })
      } finally {
        typing.close()
        if (isHidden) stderr.write('\n')
      }
    },
  }
}
