import { Type } from 'typebox'
import { CognitoError } from '../errors.ts'

/** Members that several operations share, with the limits of Cognito's service model. */
export const member = {
  poolId: Type.String({ minLength: 1, maxLength: 55, pattern: '^[\\w-]+_[0-9a-zA-Z]+$' }),
  clientId: Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\w+]+$' }),
  username: Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+$' }),
  password: Type.String({ maxLength: 256 }),
  resourceName: Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\w\\s+=,.@-]+$' }),
  attributes: Type.Array(
    Type.Object({
      Name: Type.String({ minLength: 1, maxLength: 32 }),
      Value: Type.Optional(Type.String({ maxLength: 2048 })),
    }),
  ),
  pageSize: Type.Integer({ minimum: 1, maximum: 60 }),
  token: Type.String({ minLength: 1 }),
}

/** The part of a validator's error that is reported. It never contains the value, which may be a password. */
interface InputFault {
  keyword: string
  instancePath: string
  message: string
  params: object
}

/**
 * Rejects invalid input. Like Cognito, it distinguishes values of the wrong type from values that break a constraint.
 *
 * @throws CognitoError SerializationException, InvalidParameterException
 */
export function checkInput(faults: readonly InputFault[]): void {
  const unreadable = faults.find(fault => fault.keyword === 'type')
  if (unreadable) throw new CognitoError('SerializationException', `${nameOf(unreadable)} ${unreadable.message}`)
  const problems = faults.flatMap(problemsOf)
  if (problems.length === 0) return
  const count = `${problems.length} validation error${problems.length === 1 ? '' : 's'} detected`
  throw new CognitoError('InvalidParameterException', `${count}: ${problems.join('; ')}`)
}

function problemsOf(fault: InputFault): string[] {
  if (fault.keyword === 'required') {
    const missing = 'requiredProperties' in fault.params ? fault.params.requiredProperties : undefined
    const names = Array.isArray(missing) ? missing.map(String) : []
    const at = (name: string) => [...pathOf(fault), name].map(lowerFirst).join('.')
    return names.map(name => `Value null at '${at(name)}' failed to satisfy constraint: Member must not be null`)
  }
  if (fault.keyword === 'additionalProperties') {
    const extra = 'additionalProperties' in fault.params ? fault.params.additionalProperties : undefined
    const names = Array.isArray(extra) ? extra.map(String) : []
    return names.map(name => `${name} is not supported by this server`)
  }
  return [`Value at '${nameOf(fault)}' failed to satisfy constraint: ${constraintOf(fault)}`]
}

function constraintOf({ message, params }: InputFault): string {
  if ('allowedValues' in params && Array.isArray(params.allowedValues))
    return `Member must be one of ${params.allowedValues.join(', ')}`
  return `Member ${message}`
}

function nameOf(fault: InputFault): string {
  return pathOf(fault).map(lowerFirst).join('.') || 'the input'
}

function pathOf({ instancePath }: InputFault): string[] {
  return instancePath.split('/').slice(1)
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
