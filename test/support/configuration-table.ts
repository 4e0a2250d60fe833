import type { TObject, TSchema } from 'typebox'
import { fixedVariables } from '../../services/local/pipeline/child-env.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { workerConfigSchema } from '../../services/platform/config/worker.ts'

interface Variable {
  name: string
  roles: string[]
  required: boolean
  schema: { default?: unknown; description?: string; enum?: readonly unknown[] }
}

const HEADER = ['| Variable | Read by | Default | `npm start` | Meaning |', '|---|---|---|---|---|']

/** Renders the table of docs/reference/configuration.md from the schemas that the processes read their environment by. */
export function renderConfigurationTable(): string {
  const variables = new Map<string, Variable>()
  collect(variables, 'api', apiConfigSchema)
  collect(variables, 'worker', workerConfigSchema)
  // The variables of both processes come first, then those of one, each in the order of its schema.
  const rows = ['both', 'api', 'worker'].flatMap(role => [...variables.values()].filter(it => roleOf(it) === role))
  return [...HEADER, ...rows.map(renderRow)].join('\n')
}

function collect(variables: Map<string, Variable>, role: string, schema: TObject): void {
  const required: readonly string[] = schema.required ?? []
  for (const [name, property] of Object.entries<TSchema>(schema.properties)) {
    const known = variables.get(name)
    if (known) known.roles.push(role)
    else variables.set(name, { name, roles: [role], required: required.includes(name), schema: property })
  }
}

function roleOf({ roles }: Variable): string {
  return roles.length > 1 ? 'both' : (roles[0] ?? '')
}

function renderRow(variable: Variable): string {
  const cells = [
    `\`${variable.name}\``,
    roleOf(variable),
    renderDefault(variable),
    passedOn(variable),
    renderPurpose(variable),
  ]
  return `| ${cells.map(escapeCell).join(' | ')} |`
}

function passedOn({ name }: Variable): string {
  return fixedVariables.has(name) ? 'no' : 'yes'
}

function renderDefault({ required, schema }: Variable): string {
  if (schema.default === '') return 'empty'
  if (schema.default !== undefined) return `\`${schema.default}\``
  return required ? '**required**' : 'none'
}

function renderPurpose({ schema }: Variable): string {
  const allowed = schema.enum ? ` One of ${schema.enum.map(value => `\`${value}\``).join(', ')}.` : ''
  return `${schema.description ?? ''}${allowed}`
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|')
}
