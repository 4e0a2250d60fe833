/** The feature flags of CDK that this app is written for. They are in code so that tests and the command line agree. */
export const featureFlags: Readonly<Record<string, boolean | string>> = {
  // The data stack cannot remove an export that the compute stack imports.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  // A bucket policy admits the delivery of access logs. Buckets without ACLs refuse the ACL that CDK would use otherwise.
  '@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy': true,
  // Merges statements that differ only in their resources.
  '@aws-cdk/aws-iam:minimizePolicies': true,
}
