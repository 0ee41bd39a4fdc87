/** The configuration file that commands read unless they are given another. */
export const DEFAULT_CONFIG = 'postern.yaml';
