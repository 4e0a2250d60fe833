import {
  getCompletionScript,
  getShellFromEnv,
  isShellSupported,
  log,
  logFiles,
  parseEnv,
  SUPPORTED_SHELLS,
} from '@pnpm/tabtab'
import { Type } from 'typebox'
import { type AnyCommand, defineCommand } from '../command.ts'
import { RefusedError, UsageError } from '../errors.ts'
import { configDir, profileNames } from '../session/profiles.ts'

export const completion = defineCommand({
  name: 'completion',
  group: 'other',
  summary: 'print a script with which a shell completes commands, options and files',
  operands: SUPPORTED_SHELLS.join('|'),
  details: `Add one of these lines to the settings of your shell:

  bash        eval "$(headgate completion bash)"        in ~/.bashrc
  zsh         eval "$(headgate completion zsh)"         in ~/.zshrc, after compinit
  fish        headgate completion fish | source         in ~/.config/fish/config.fish`,
  options: {},
  config: Type.Object({}),
  async run({ operands: [shell, ...more], output }) {
    if (shell === undefined || more.length > 0 || !isShellSupported(shell)) {
      throw new UsageError(`Name one shell: ${SUPPORTED_SHELLS.join(', ')}.`)
    }
    const script = await getCompletionScript({ name: 'headgate', completer: 'headgate', shell }).catch(
      (cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'ENOENT') throw cause
        throw new RefusedError('The container image has no completion scripts. Use the npm package.', { cause })
      },
    )
    output.item({ script }, script)
    return undefined
  },
})

/** The scripts of `completion` run this command for each completion. */
export const completionServer = defineCommand({
  name: 'completion-server',
  summary: 'complete a command line',
  isHidden: true,
  operands: 'WORD…',
  options: {},
  config: Type.Object({}),
  async run({ env, loadAll }) {
    const loaded = await loadAll()
    const { partial } = parseEnv(env)
    const candidates = candidatesOf(
      partial.split(/ +/).slice(1),
      loaded.filter(command => !command.isHidden),
      await profileNames(configDir(env)),
    )
    if (candidates === 'files') logFiles()
    else log(candidates, getShellFromEnv(env))
    return undefined
  },
})

interface Candidate {
  name: string
  description: string
}

/**
 * Returns what the last word can be.
 *
 * @param words the words of the command line after `headgate`. The last one may be empty or incomplete
 * @param profiles the names of the profiles
 */
export function candidatesOf(
  words: readonly string[],
  commands: readonly AnyCommand[],
  profiles: readonly string[],
): Candidate[] | 'files' {
  const before = words.slice(0, -1)
  const last = words.at(-1) ?? ''
  const command = commands.find(({ name }) => name.split(' ').every((word, index) => word === before[index]))
  if (command && last.startsWith('-')) return optionsOf(command, last)
  if (command) return valuesOf(placeholderOf(command, before.at(-1)), last, profiles)
  const continued = commands.flatMap(({ name, summary }) => {
    const parts = name.split(' ')
    const fits = before.every((word, index) => word === parts[index]) && parts[before.length]?.startsWith(last)
    return fits
      ? [{ name: parts[before.length] ?? '', description: parts.length === before.length + 1 ? summary : '' }]
      : []
  })
  return [...new Map(continued.map(candidate => [candidate.name, candidate])).values()]
}

function optionsOf({ options }: AnyCommand, last: string): Candidate[] {
  const all = [
    ...Object.entries(options),
    ['json', { description: 'print JSON' }],
    ['help', { description: 'print the help' }],
  ] as const
  return all.flatMap(([flag, { description }]) =>
    `--${flag}`.startsWith(last) ? [{ name: `--${flag}`, description }] : [],
  )
}

/** Returns the placeholder of the word after `previous`: of the value of an option, or of the operands. */
function placeholderOf({ options, operands = '', takesFiles = false }: AnyCommand, previous = ''): string {
  const option = Object.entries(options).find(
    ([flag, { short }]) => previous === `--${flag}` || previous === `-${short}`,
  )?.[1]
  if (option?.type === 'string') return option.value ?? ''
  return takesFiles ? 'FILE' : operands
}

function valuesOf(placeholder: string, last: string, profiles: readonly string[]): Candidate[] | 'files' {
  if (placeholder === 'FILE' || placeholder === 'DIR') return 'files'
  const values =
    placeholder === 'PROFILE' ? profiles : /^[\w-]+(?:\|[\w-]+)+$/.test(placeholder) ? placeholder.split('|') : []
  return values.filter(value => value.startsWith(last)).map(name => ({ name, description: '' }))
}
