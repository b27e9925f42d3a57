extension ImageManifest { public func validate() -> [Finding] { [] } }
extension ImageIndex { public func validate() -> [Finding] { [] } }
extension ImageConfiguration { public func validate() -> [Finding] { [] } }
