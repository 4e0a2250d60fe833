import { CognitoError } from '../errors.ts'

/** An attribute as the protocol has it. */
export interface AttributeType {
  Name: string
  Value?: string
}

/** https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html */
const STANDARD = new Set([
  'address',
  'birthdate',
  'email',
  'email_verified',
  'family_name',
  'gender',
  'given_name',
  'locale',
  'middle_name',
  'name',
  'nickname',
  'phone_number',
  'phone_number_verified',
  'picture',
  'preferred_username',
  'profile',
  'website',
  'zoneinfo',
])

/** The attributes that tell whether an address is verified. */
const VERIFIED_BY = { email: 'email_verified', phone_number: 'phone_number_verified' } as const
const VERIFIED = new Set<string>(Object.values(VERIFIED_BY))

/**
 * Returns the attributes of a request. Only standard attributes are accepted: each becomes a claim of the id token, so
 * another name could override `iss` or `exp`.
 *
 * @param writer `user` may not mark an address as verified, `admin` may
 * @throws CognitoError InvalidParameterException, NotAuthorizedException
 */
export function readAttributes(
  attributes: readonly AttributeType[] | undefined,
  writer: 'user' | 'admin',
): Record<string, string> {
  const read: Record<string, string> = {}
  for (const { Name, Value = '' } of attributes ?? []) {
    if (!STANDARD.has(Name)) throw invalid(`Attributes did not conform to the schema: ${Name}: no such attribute`)
    if (VERIFIED.has(Name)) {
      if (writer === 'user')
        throw new CognitoError('NotAuthorizedException', 'A client attempted to write unauthorized attribute')
      if (Value !== 'true' && Value !== 'false') throw invalid(`Attribute ${Name} must be true or false`)
    }
    if (Name === 'email' && !/^[^\s@]+@[^\s@]+$/.test(Value)) throw invalid('Invalid email address format.')
    if (Name === 'phone_number' && !/^\+[0-9]{1,15}$/.test(Value)) throw invalid('Invalid phone number format.')
    read[Name] = Value
  }
  return read
}

/** Returns a user's attributes as the protocol has them, with `sub`. */
export function toAttributeList(user: { sub: string; attributes: Record<string, string> }): AttributeType[] {
  return Object.entries({ ...user.attributes, sub: user.sub }).map(([Name, Value]) => ({ Name, Value }))
}

/** Returns a user's attributes as claims of the id token. */
export function toClaims(attributes: Record<string, string>): Record<string, string | boolean> {
  const claims = Object.entries(attributes).map(([name, value]) => [
    name,
    VERIFIED.has(name) ? value === 'true' : value,
  ])
  return { ...unverified(attributes, false), ...Object.fromEntries(claims) }
}

/** Applies changes of a user. A changed address is not verified. */
export function updateAttributes(attributes: Record<string, string>, changes: Record<string, string>): void {
  Object.assign(attributes, changes, unverified(changes, 'false'))
}

function unverified<T>(addresses: Record<string, string>, value: T): Record<string, T> {
  const given = Object.entries(VERIFIED_BY).filter(([address]) => address in addresses)
  return Object.fromEntries(given.map(([, verified]) => [verified, value]))
}

function invalid(message: string): CognitoError {
  return new CognitoError('InvalidParameterException', message)
}
